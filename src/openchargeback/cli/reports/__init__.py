"""How problems are reported: as text for people, and in the formats that Git hosts and CI read."""
