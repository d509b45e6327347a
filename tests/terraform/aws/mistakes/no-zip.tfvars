# refused: `cargo xtask package lambda arm64` in the root of the project makes it
zip = "nowhere.zip"
