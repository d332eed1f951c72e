"""What several benchmarks share: events, contenders, clocks and floors."""
