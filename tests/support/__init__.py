"""What tests are made with: servers, processes, backups, buckets, a browser."""
