# refused: The bridge needs mqtt_domain
mqtt_domain = null
