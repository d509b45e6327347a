"""What an AWS account holds of the kinds that our modules make, one line each: for looking at what `terraform destroy` left.

Not counted: a key that waits for its deletion, which AWS carries out after its window of days; a key that AWS made for one of its
services, as the first encrypted table of an account does.
"""

import argparse

import boto3

LISTS = [
    ("dynamodb", "list_tables", "TableNames", None),
    ("sqs", "list_queues", "QueueUrls", None),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("iot", "list_topic_rules", "rules", "ruleName"),
    ("iot", "list_domain_configurations", "domainConfigurations", "domainConfigurationName"),
]


def held(client):
    for service, call, field, name in LISTS:
        for one in getattr(client(service), call)().get(field) or []:
            yield service, one[name] if name else one
    kms = client("kms")
    of_services = {alias.get("TargetKeyId") for alias in kms.list_aliases()["Aliases"] if alias["AliasName"].startswith("alias/aws/")}
    for key in kms.list_keys()["Keys"]:
        if key["KeyId"] not in of_services and kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion":
            yield "kms", key["KeyId"]
    account = client("sts").get_caller_identity()["Account"]
    for budget in client("budgets").describe_budgets(AccountId=account).get("Budgets") or []:
        yield "budgets", budget["BudgetName"]
    try:
        yield "iot", client("iot").describe_authorizer(authorizerName="drawbridge")["authorizerDescription"]["authorizerArn"]
    except client("iot").exceptions.ResourceNotFoundException:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--region", required=True)
    parser.add_argument("--endpoint-url", required=True)
    args = parser.parse_args()
    clients = {}

    def client(service):
        if service not in clients:
            clients[service] = boto3.client(service, region_name=args.region, endpoint_url=args.endpoint_url)
        return clients[service]

    for service, name in sorted(set(held(client))):
        print(service, name)


if __name__ == "__main__":
    main()
