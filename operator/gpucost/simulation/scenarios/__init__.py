"""Small clusters, one for each way in which GPUs are shared and told of, each with its true cost written by hand."""
