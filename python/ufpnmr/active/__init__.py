"""Active learning: `config`, `run` and `cycle`; `sampling`, `paths`, `sources`; `selection`; labels (`labelling`)."""
