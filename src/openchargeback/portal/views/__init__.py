"""The content of each page, as small values computed from the model; templates only format them."""
