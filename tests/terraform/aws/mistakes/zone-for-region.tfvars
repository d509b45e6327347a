# refused: region is a region of AWS, such as `eu-central-1`
region = "eu-central-1a"
