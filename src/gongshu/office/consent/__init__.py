"""同意: who is asked, who agreed, who used it, who took it back."""
