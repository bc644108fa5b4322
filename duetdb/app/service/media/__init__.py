"""The media archive: files in GridFS, stored whole or not at all."""
