# refused: Name three different zones
zones = ["europe-west1-b", "europe-west1-c"]
