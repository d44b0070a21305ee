"""The Claude Messages API: requests in; events, messages, errors and the model list out."""
