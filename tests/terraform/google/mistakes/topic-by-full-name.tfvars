# refused: pubsub_topic_name is the short name of a topic
event_notification_configs = [{ pubsub_topic_name = "projects/my-project/topics/readings" }]
