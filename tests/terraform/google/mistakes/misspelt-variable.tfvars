# warned of: The root module does not declare a variable named "alert_email"
alert_email = ["operations@example.com"]
