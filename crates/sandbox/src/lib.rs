//! An in-process Kubernetes API server for rehearsals and tests. It knows nothing of bowline.
