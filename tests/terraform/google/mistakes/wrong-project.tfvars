# refused: project is the id of a project, such as `my-project-1`, not its name and not its number
project = "123456789012"
