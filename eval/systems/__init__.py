"""Systems that an evaluation can hold: the pipeline's own folders, `transformers`, CTranslate2, files of outputs."""
