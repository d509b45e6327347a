# Moto takes any key, and answers what it does not know by an error that the provider would try again for minutes.
provider "aws" {
  max_retries                 = 2
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
