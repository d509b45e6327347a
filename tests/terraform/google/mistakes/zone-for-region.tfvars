# refused: region is one region, such as `europe-west1`: not a zone of it
region = "europe-west1-b"
