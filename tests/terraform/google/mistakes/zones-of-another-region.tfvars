# refused: zones are of the region, such as `europe-west1-b`
zones = ["us-central1-a", "us-central1-b", "us-central1-c"]
