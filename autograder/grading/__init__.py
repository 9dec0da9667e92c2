"""From the bytes of a submission to its verdicts: for any machine."""
