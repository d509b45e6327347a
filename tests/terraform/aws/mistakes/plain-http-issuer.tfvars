# refused: Google trusts only an issuer of https.
issuer = "http://tokens.example.com"
