"""The learning cycle; so far how structures get their labels (`ufpnmr.active.labelling`)."""
