"""Speed, memory and quality of skhep_dnn, measured side by side with its peers."""
