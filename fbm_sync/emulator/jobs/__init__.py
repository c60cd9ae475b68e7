"""What Amazon works on for a while: feeds and reports, and the documents they come and go in."""
