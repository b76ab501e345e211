"""What stands behind the command line: options, the JSON that commands print, and the doctor."""
