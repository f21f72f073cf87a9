//! Client of an exchange: signs, persists before it sends, pipelines, keeps a local book.
