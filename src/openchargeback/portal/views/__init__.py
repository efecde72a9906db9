"""What each page shows, as small values made from the model; templates only format them."""
