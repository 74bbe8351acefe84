"""The only thing that crosses domains: envelopes, trust list, feed, leases, inbox, journals."""
