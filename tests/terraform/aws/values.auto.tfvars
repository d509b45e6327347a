# Beyond what README.md sets.
deletion_protection = false
monthly_budget      = 20
alert_emails        = ["operations@example.com"]
