"""What people have: FAQs, transcripts and exports of other systems, read as they come."""
