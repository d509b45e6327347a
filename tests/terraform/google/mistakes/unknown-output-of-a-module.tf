# refused: This object does not have an attribute named "address"
output "mistake" {
  value = module.files.address
}
