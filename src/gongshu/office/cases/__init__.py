"""Cases: every procedure of the law as people meet it."""
