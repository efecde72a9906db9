"""Who pays, flags, charge ids, decisions and dispositions."""
