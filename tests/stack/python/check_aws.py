"""Drives the stand-in for STS and EKS with boto3, and moto beside it.

    check_aws.py STANDIN MOTO

Prints one line for each check, ends with 1 if any failed.
"""

import base64
import json
import sys
import traceback
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.signers import RequestSigner

REGION = "eu-west-1"
ROLE = "arn:aws:iam::444455556666:role/team/reader"
GUARDED = "arn:aws:iam::444455556666:role/guarded"


def client(service, endpoint, key="AKIATIDEGATESTACK000", secret="stand-in", token=None, region=REGION):
    options = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=options,
    )


def of_session(service, endpoint, session, **more):
    found = session["Credentials"]
    return client(service, endpoint, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], **more)


def refused(code, call, **parameters):
    try:
        answer = call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"no {code}, but {answer}")


def shape(value):
    """The keys of an answer, without what differs from call to call."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items() if key != "ResponseMetadata"}
    return type(value).__name__


def a_role_is_assumed_and_calls_by_its_name(standin, moto):
    shapes = []
    for endpoint in (standin, moto):
        session = client("sts", endpoint).assume_role(RoleArn=ROLE, RoleSessionName="check")
        session.pop("PackedPolicySize", None)
        shapes.append(shape(session))
        assert session["AssumedRoleUser"]["Arn"].endswith("/check"), session
        who = of_session("sts", endpoint, session).get_caller_identity()
        assert who["Arn"] == session["AssumedRoleUser"]["Arn"], (who, session)
        shapes.append(shape(who))
    assert shapes[:2] == shapes[2:], shapes


def who_is_not_trusted_is_refused(standin, moto):
    sts = client("sts", standin)
    message = refused("AccessDenied", sts.assume_role, RoleArn=GUARDED, RoleSessionName="check")
    expected = "User: arn:aws:iam::111122223333:user/AKIATIDEGATESTACK000 is not authorized to perform: sts:AssumeRole on resource: "
    assert message == expected + GUARDED, message
    refused("AccessDenied", sts.assume_role, RoleArn=GUARDED, RoleSessionName="check", ExternalId="other")
    assert sts.assume_role(RoleArn=GUARDED, RoleSessionName="check", ExternalId="shop-7")["Credentials"]
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE + "-absent", RoleSessionName="check")
    refused("ValidationError", sts.assume_role, RoleArn=ROLE, RoleSessionName="a b")


def signatures_are_checked(standin, moto):
    refused("SignatureDoesNotMatch", client("sts", standin, secret="other").get_caller_identity)
    refused("InvalidClientTokenId", client("sts", standin, key="AKIAUNKNOWN").get_caller_identity)
    refused("InvalidClientTokenId", client("sts", standin, token="made up").get_caller_identity)


def a_presigned_call_is_answered(standin, moto):
    sts = client("sts", standin)
    session = boto3.Session("AKIATIDEGATESTACK000", "stand-in", region_name=REGION)
    signer = RequestSigner(
        sts.meta.service_model.service_id, REGION, "sts", "v4", session.get_credentials(), session.events
    )
    address = f"{standin}/?Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"x-k8s-aws-id": "prod"}
    request = {"method": "GET", "url": address, "body": {}, "headers": headers, "context": {}}
    signed = signer.generate_presigned_url(request, region_name=REGION, expires_in=60, operation_name="")
    with urllib.request.urlopen(urllib.request.Request(signed, headers=headers), timeout=10) as answer:
        assert b"user/AKIATIDEGATESTACK000" in answer.read()
    for spoiled, sent in [(signed, {"x-k8s-aws-id": "other"}), (signed.replace("Expires=60", "Expires=61"), headers)]:
        try:
            urllib.request.urlopen(urllib.request.Request(spoiled, headers=sent), timeout=10)
            raise AssertionError("a spoiled signature was taken")
        except urllib.error.HTTPError as error:
            assert error.code == 403, error


def clusters_are_described(standin, moto):
    eks = client("eks", standin)
    found = eks.describe_cluster(name="prod")["cluster"]
    assert found["status"] == "ACTIVE" and found["endpoint"].startswith("https://"), found
    assert base64.b64decode(found["certificateAuthority"]["data"]).startswith(b"-----BEGIN CERTIFICATE"), found
    made = eks.describe_cluster(name="young")["cluster"]
    assert made["status"] == "CREATING" and "endpoint" not in made, made
    message = refused("ResourceNotFoundException", eks.describe_cluster, name="absent")
    other = client("eks", moto)
    other.create_cluster(name="prod", roleArn="arn:aws:iam::111122223333:role/eks", resourcesVpcConfig={})
    assert message == refused("ResourceNotFoundException", other.describe_cluster, name="absent"), message
    theirs = other.describe_cluster(name="prod")["cluster"]
    for key in ["name", "arn", "endpoint", "status", "certificateAuthority"]:
        assert shape(found[key]) == shape(theirs[key]), (key, found[key], theirs[key])


CHECKS = [
    a_role_is_assumed_and_calls_by_its_name,
    who_is_not_trusted_is_refused,
    signatures_are_checked,
    a_presigned_call_is_answered,
    clusters_are_described,
]


def main(standin, moto):
    failed = 0
    for check in CHECKS:
        try:
            check(standin, moto)
            print("ok", check.__name__)
        except Exception:
            failed += 1
            print("FAILED", check.__name__)
            traceback.print_exc(file=sys.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
