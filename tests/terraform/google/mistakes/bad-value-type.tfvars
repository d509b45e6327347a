# refused: Invalid value for input variable
bridge_nodes = 3
