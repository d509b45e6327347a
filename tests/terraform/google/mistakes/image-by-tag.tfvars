# refused: Name the image by its digest
image = "europe-west1-docker.pkg.dev/my-project/drawbridge/drawbridge-function:latest"
