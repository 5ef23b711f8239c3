"""Prints what an account holds, as JSON, by AWS's own library: `python3 account.py URL`. Default networks are left out."""

import json
import sys

import boto3


def client(name):
    return boto3.client(
        name,
        endpoint_url=sys.argv[1],
        region_name="eu-central-1",
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
    )


ec2, iam, logs = client("ec2"), client("iam"), client("logs")
own = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
of_vpc = [{"Name": "vpc-id", "Values": own or ["none"]}]
held = {
    "vpcs": ec2.describe_vpcs(VpcIds=own)["Vpcs"] if own else [],
    "subnets": ec2.describe_subnets(Filters=of_vpc)["Subnets"],
    "routeTables": ec2.describe_route_tables(Filters=of_vpc)["RouteTables"],
    "securityGroups": ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"],
    "gateways": ec2.describe_internet_gateways()["InternetGateways"],
    "natGateways": ec2.describe_nat_gateways()["NatGateways"],
    "addresses": ec2.describe_addresses()["Addresses"],
    "flowLogs": ec2.describe_flow_logs()["FlowLogs"],
    "instances": [one for some in ec2.describe_instances()["Reservations"] for one in some["Instances"]],
    "volumes": ec2.describe_volumes()["Volumes"],
    "roles": [role["RoleName"] for role in iam.list_roles()["Roles"] if not role["RoleName"].startswith("cdk-")],
    "profiles": [one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]],
    "logGroups": [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]],
}
json.dump(held, sys.stdout, default=str)
