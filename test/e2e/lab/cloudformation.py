"""moto's server, with what its CloudFormation lacks: it forgets to delete some resources of a stack, and to associate a route table.

    python3 cloudformation.py PORT

What deletes them here is moto's own EC2, which refuses while something depends on them as EC2 does; CloudFormation's part in
moto then tries the others first and this one again. The order is therefore moto's, not AWS's.
"""

import sys

from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.flow_logs import FlowLogs
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.route_tables import Route, RouteTable
from moto.ec2.models.subnets import SubnetRouteTableAssociation
from moto.ec2.models.vpn_gateway import VPCGatewayAttachment
from moto.server import main


def disassociate(ec2, one):
    associations = ec2.get_route_table(one.route_table_id)._associations
    found = next(key for key, subnet in associations.items() if subnet == one.subnet_id)
    ec2.disassociate_route_table(found)


def delete_route(ec2, one):
    # A table takes its routes along, and may be deleted first here.
    if one.route_table.id in ec2.route_tables:
        ec2.delete_route(one.route_table.id, one.destination_cidr_block)


missing = {
    ElasticAddress: lambda ec2, one: ec2.release_address(allocation_id=one.allocation_id),
    FlowLogs: lambda ec2, one: ec2.delete_flow_logs([one.id]),
    InternetGateway: lambda ec2, one: ec2.delete_internet_gateway(one.id),
    NatGateway: lambda ec2, one: ec2.delete_nat_gateway(one.id),
    Route: delete_route,
    RouteTable: lambda ec2, one: ec2.delete_route_table(one.id),
    SubnetRouteTableAssociation: disassociate,
    VPCGatewayAttachment: lambda ec2, one: ec2.detach_internet_gateway(one.gateway_id, one.vpc_id),
}

def associate(cls, *names_and_values, **others):
    one = make_association(*names_and_values, **others)
    account_id, region_name = names_and_values[2:4]
    ec2_backends[account_id][region_name].associate_route_table(one.route_table_id, subnet_id=one.subnet_id)
    return one


make_association = SubnetRouteTableAssociation.create_from_cloudformation_json
SubnetRouteTableAssociation.create_from_cloudformation_json = classmethod(associate)

for kind, delete in missing.items():
    if "delete" in vars(kind):
        sys.exit(f"moto deletes {kind.__name__} by itself now; take it out of this file")

    def method(self, account_id, region_name, delete=delete):
        delete(ec2_backends[account_id][region_name], self)

    kind.delete = method

main(["--host", "127.0.0.1", "--port", sys.argv[1]])
