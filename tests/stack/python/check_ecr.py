"""Drives the ECR stand-in with boto3, whose service model says what is right.

    check_ecr.py model STANDIN        every operation, listing and error against the model
    check_ecr.py both STANDIN MOTO    the same scan and the same errors on the stand-in and on moto

Prints one line for each check, ends with 1 if any failed.
"""

import base64
import datetime
import hashlib
import json
import sys
import traceback
import urllib.error
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from shapes import Checker

ACCOUNT, REGION = "111122223333", "eu-west-1"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def ecr(endpoint, region=REGION, attempts=1, **config):
    """A client that sends what it is given, also what the model forbids, and does not retry."""
    options = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, parameter_validation=False, **config)
    return boto3.client(
        "ecr",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="any",
        config=options,
    )


def manifest(seed, **more):
    """An image manifest that no other seed has."""
    blob = hashlib.sha256(seed.encode()).hexdigest()
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + blob, "size": 7},
            "layers": [],
            **more,
        }
    )


def index(*digests):
    children = [{"mediaType": OCI_MANIFEST, "digest": digest, "size": 9} for digest in digests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children})


def digest_of(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def put(client, repository, tag=None, text=None, **more):
    text = text or manifest(f"{repository}:{tag}")
    if tag is not None:
        more["imageTag"] = tag
    image = client.put_image(repositoryName=repository, imageManifest=text, **more)["image"]
    assert image["imageId"] == ({"imageDigest": digest_of(text)} | ({"imageTag": tag} if tag else {})), image
    assert image["imageManifest"] == text
    return image["imageId"]["imageDigest"]


def refused(code, call, *arguments, **parameters):
    """The call fails with this error, as the modelled exception class where there is one. Returns its message."""
    try:
        answer = call(*arguments, **parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        if hasattr(error, "response") and code in MODELLED:
            assert type(error).__name__ == code, type(error)
        return error.response["Error"]["Message"]
    raise AssertionError(f"no {code}, but {answer}")


def pages(client, operation, key, **parameters):
    """All pages, by hand: boto3's own paginator would hide how long they are."""
    found, sizes, token = [], [], {}
    while True:
        answer = getattr(client, operation)(**parameters, **token)
        found += answer[key]
        sizes.append(len(answer[key]))
        if not answer.get("nextToken"):
            return found, sizes
        token = {"nextToken": answer["nextToken"]}


def scan(client, repository, page=1000):
    """(tag, digest) of every tag, as Tidegate's scan reads them."""
    images, _ = pages(
        client, "describe_images", "imageDetails", repositoryName=repository, maxResults=page, filter={"tagStatus": "TAGGED"}
    )
    return {(tag, image["imageDigest"]) for image in images for tag in image.get("imageTags", [])}


def admin(client, method, what, body=None):
    address = f"{client.meta.endpoint_url}/_admin/{what}"
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(address, data, method=method), timeout=10) as answer:
        return json.load(answer)


def fault(client, kind, **more):
    admin(client, "POST", "faults", {"kind": kind, "times": 1, **more})


# Checks against the model. Each has the client and a repository of its own.


def repositories_are_made_once_and_described(client, name):
    made = client.create_repository(repositoryName=name + "/made", imageTagMutability="IMMUTABLE")["repository"]
    assert made["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}/made", made
    assert made["repositoryArn"] == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}/made", made
    assert made["imageTagMutability"] == "IMMUTABLE", made
    message = refused("RepositoryAlreadyExistsException", client.create_repository, repositoryName=name + "/made")
    assert message == f"The repository with name '{name}/made' already exists in the registry with id '{ACCOUNT}'"
    described = client.describe_repositories(repositoryNames=[name + "/made", name])["repositories"]
    assert [repository["repositoryName"] for repository in described] == [name + "/made", name]
    message = refused("RepositoryNotFoundException", client.describe_repositories, repositoryNames=["absent"])
    assert message == f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'"


def all_pages_of_repositories_hold_each_once(client, name):
    expected = {repository["repositoryName"] for repository in pages(client, "describe_repositories", "repositories")[0]}
    for number in range(23):
        client.create_repository(repositoryName=f"{name}/r{number}")
        expected.add(f"{name}/r{number}")
    found, sizes = pages(client, "describe_repositories", "repositories", maxResults=5)
    names = [repository["repositoryName"] for repository in found]
    assert set(names) == expected and len(names) == len(expected), set(names) ^ expected
    assert max(sizes) == 5 and names != sorted(names)


def malformed_parameters_are_refused(client, name):
    bad = lambda **parameters: refused("InvalidParameterException", client.describe_images, **parameters)
    message = bad(repositoryName="Upper/case")
    assert message.startswith("Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy"), message
    for wrong in ["a", "x" * 257, "a//b", "a/", "-a", "a._b", "a___b", "ä/b", "a b"]:
        bad(repositoryName=wrong)
    for right in ["a.b", "a_b", "a__b", "a---b", "a/b/c-1.2_3"]:
        refused("RepositoryNotFoundException", client.describe_images, repositoryName=right)
    bad()
    bad(repositoryName=name, registryId="12")
    bad(repositoryName=name, maxResults=0)
    bad(repositoryName=name, maxResults=1001)
    bad(repositoryName=name, filter={"tagStatus": "SOME"})
    bad(repositoryName=name, imageIds=[])
    bad(repositoryName=name, imageIds=[{"imageTag": f"t{n}"} for n in range(101)])
    bad(repositoryName=name, imageIds=[{"imageTag": "t"}], maxResults=10)
    bad(repositoryName=name, imageIds=[{}])
    bad(repositoryName=name, nextToken="made up")
    refused("SerializationException", client.describe_images, repositoryName=name, maxResults="ten")
    for wrong in [".a", "-a", "a b", "", "x" * 301]:
        refused("InvalidParameterException", client.put_image, repositoryName=name, imageManifest=manifest("x"), imageTag=wrong)
    message = refused("InvalidParameterException", client.put_image, repositoryName=name, imageManifest="no JSON")
    assert message == "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'", message
    untyped = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})
    for wrong in ["", "[]", "{}", untyped]:
        refused("InvalidParameterException", client.put_image, repositoryName=name, imageManifest=wrong)
    refused("InvalidParameterException", client.create_repository, repositoryName=name + "/m", imageTagMutability="SOFT")
    refused("InvalidParameterException", client.get_authorization_token, registryIds=["1"])


def a_put_moves_the_tag(client, name):
    first, second = put(client, name, "v1", manifest("one")), put(client, name, "v1", manifest("two"))
    assert scan(client, name) == {("v1", second)}
    ids = pages(client, "list_images", "imageIds", repositoryName=name, filter={"tagStatus": "UNTAGGED"})[0]
    assert ids == [{"imageDigest": first}], ids
    message = refused(
        "ImageAlreadyExistsException", client.put_image, repositoryName=name, imageManifest=manifest("two"), imageTag="v1"
    )
    assert message == (
        f"Image with digest '{second}' and tag 'v1' already exists in the repository with name '{name}' "
        f"in registry with id '{ACCOUNT}'"
    ), message
    put(client, name, "v2", manifest("two"))
    assert scan(client, name) == {("v1", second), ("v2", second)}


def an_immutable_tag_stays(client, name):
    client.create_repository(repositoryName=name + "/fixed", imageTagMutability="IMMUTABLE")
    put(client, name + "/fixed", "v1", manifest("one"))
    parameters = {"repositoryName": name + "/fixed", "imageTag": "v1"}
    message = refused("ImageTagAlreadyExistsException", client.put_image, imageManifest=manifest("two"), **parameters)
    assert message.startswith(f"The image tag 'v1' already exists in the '{name}/fixed' repository"), message
    refused("ImageAlreadyExistsException", client.put_image, imageManifest=manifest("one"), **parameters)
    put(client, name + "/fixed", "v2", manifest("one"))


def a_put_is_checked_against_digest_and_children(client, name):
    refused(
        "ImageDigestDoesNotMatchException",
        client.put_image,
        repositoryName=name,
        imageManifest=manifest("x"),
        imageDigest=digest_of("y"),
    )
    child = digest_of(manifest("child"))
    refused("ReferencedImagesNotFoundException", client.put_image, repositoryName=name, imageManifest=index(child))
    put(client, name, None, manifest("child"), imageDigest=child)
    put(client, name, "multi", index(child))
    detail = client.describe_images(repositoryName=name, imageIds=[{"imageTag": "multi"}])["imageDetails"][0]
    assert detail["imageManifestMediaType"] == OCI_INDEX and detail["imageSizeInBytes"] == 7, detail
    gone = client.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": child}])
    assert gone["failures"][0]["failureCode"] == "ImageReferencedByManifestList" and gone["imageIds"] == [], gone


def listings_hold_each_image_once_whatever_the_page(client, name):
    tagged, untagged = {}, set()
    for number in range(130):
        tagged[f"t{number}"] = put(client, name, f"t{number}")
        if number % 10 == 0:
            text = manifest(f"{name} untagged {number}")
            untagged.add(put(client, name, None, text))
            put(client, name, f"also-t{number}", manifest(f"{name}:t{number}"))
            tagged[f"also-t{number}"] = tagged[f"t{number}"]
    pairs = set(tagged.items())
    for page in [1, 7, 100, 1000]:
        assert scan(client, name, page) == pairs, page
    every, sizes = pages(client, "describe_images", "imageDetails", repositoryName=name)
    assert sizes == [100, 43], sizes
    assert len({image["imageDigest"] for image in every}) == 143
    assert {image["imageDigest"] for image in every if "imageTags" not in image} == untagged
    for status, expected in [("TAGGED", pairs), ("UNTAGGED", set()), ("ANY", pairs), (None, pairs)]:
        wanted = {"filter": {"tagStatus": status}} if status else {}
        for page in [1, 7, 100, 1000]:
            ids, sizes = pages(client, "list_images", "imageIds", repositoryName=name, maxResults=page, **wanted)
            assert all(size == page for size in sizes[:-1]) and len(sizes) == max(1, -(-len(ids) // page)), sizes
            found = {(entry["imageTag"], entry["imageDigest"]) for entry in ids if "imageTag" in entry}
            bare = {entry["imageDigest"] for entry in ids if "imageTag" not in entry}
            assert found == expected and bare == (set() if status == "TAGGED" else untagged)
            assert len(ids) == len(found) + len(bare), "an entry came twice"
    assert pages(client, "list_images", "imageIds", repositoryName=name, filter={"imageStatus": "ARCHIVED"})[0] == []
    asked = [{"imageTag": "t0"}, {"imageTag": "also-t0"}, {"imageDigest": tagged["t5"]}]
    named = client.describe_images(repositoryName=name, imageIds=asked)["imageDetails"]
    assert [image["imageDigest"] for image in named] == [tagged["t0"], tagged["t5"]], named
    assert named[0]["imageTags"] == ["also-t0", "t0"]
    assert abs(named[0]["imagePushedAt"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5)


def a_missing_image_fails_the_whole_description(client, name):
    put(client, name, "v1")
    message = refused(
        "ImageNotFoundException", client.describe_images, repositoryName=name, imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}]
    )
    assert message == (
        f"The image with imageId {{imageDigest:'null', imageTag:'v2'}} does not exist within the repository with name '{name}' "
        f"in the registry with id '{ACCOUNT}'"
    ), message


def page_tokens_are_opaque_bound_and_expire(client, name):
    for number in range(6):
        put(client, name, f"t{number}")
    first = client.describe_images(repositoryName=name, maxResults=2)
    token = first["nextToken"]
    describe = lambda token, **more: client.describe_images(**{"repositoryName": name, "nextToken": token, **more})
    assert len(describe(token, maxResults=3)["imageDetails"]) == 3
    client.create_repository(repositoryName=name + "/other")
    plain = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for at in range(0, len(plain), 5):
        flipped = plain[:at] + bytes([plain[at] ^ 1]) + plain[at + 1 :]
        refused("InvalidParameterException", describe, base64.urlsafe_b64encode(flipped).decode().rstrip("="))
    for spoiled in [token[:-1], token + "A", token[1:], "t2"]:
        refused("InvalidParameterException", describe, spoiled)
    refused("InvalidParameterException", describe, token, repositoryName=name + "/other")
    refused("InvalidParameterException", describe, token, filter={"tagStatus": "TAGGED"})
    refused("InvalidParameterException", client.list_images, repositoryName=name, nextToken=token)
    admin(client, "POST", "expire-page-tokens")
    refused("InvalidParameterException", describe, token)


def images_are_got_or_their_failure_is_named(client, name):
    digest = put(client, name, "v1", manifest("one"))
    put(client, name, "v2", manifest("two"))
    absent = digest_of("absent")
    ids = [
        {"imageTag": "v1"},
        {"imageDigest": digest},
        {"imageTag": "v3"},
        {"imageDigest": absent},
        {"imageTag": "v2", "imageDigest": digest},
        {"imageDigest": "md5:1"},
        {"imageTag": "-"},
        {},
    ]
    got = client.batch_get_image(repositoryName=name, imageIds=ids)
    assert [image["imageId"] for image in got["images"]] == [{"imageDigest": digest, "imageTag": "v1"}, {"imageDigest": digest}]
    assert all(image["imageManifest"] == manifest("one") for image in got["images"])
    assert [failure["failureCode"] for failure in got["failures"]] == [
        "ImageNotFound",
        "ImageNotFound",
        "ImageTagDoesNotMatchDigest",
        "InvalidImageDigest",
        "InvalidImageTag",
        "MissingDigestAndTag",
    ], got["failures"]
    narrow = client.batch_get_image(repositoryName=name, imageIds=ids[:1], acceptedMediaTypes=[OCI_INDEX])
    assert narrow["images"] == [] and narrow["failures"][0]["failureCode"] == "ImageNotFound"


def images_are_deleted_by_tag_and_by_digest(client, name):
    digest = put(client, name, "v1", manifest("one"))
    put(client, name, "v2", manifest("one"))
    other = put(client, name, "v3", manifest("three"))
    delete = lambda *ids: client.batch_delete_image(repositoryName=name, imageIds=list(ids))
    assert delete({"imageTag": "v1"})["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}]
    assert scan(client, name) == {("v2", digest), ("v3", other)}
    delete({"imageTag": "v2"})
    assert scan(client, name) == {("v3", other)}
    refused("ImageNotFoundException", client.describe_images, repositoryName=name, imageIds=[{"imageDigest": digest}])
    assert delete({"imageTag": "v2"})["failures"][0]["failureCode"] == "ImageNotFound"
    put(client, name, "v4", manifest("three"))
    gone = delete({"imageDigest": other})["imageIds"]
    assert gone == [{"imageDigest": other, "imageTag": "v3"}, {"imageDigest": other, "imageTag": "v4"}], gone
    assert client.describe_images(repositoryName=name)["imageDetails"] == []


def a_token_opens_the_registry(client, name):
    digest = put(client, name, "v1")
    data = client.get_authorization_token(registryIds=[ACCOUNT, "444455556666"])["authorizationData"]
    assert [entry["proxyEndpoint"] for entry in data] == [
        f"https://{account}.dkr.ecr.{REGION}.amazonaws.com" for account in [ACCOUNT, "444455556666"]
    ]
    left = data[0]["expiresAt"] - datetime.datetime.now(datetime.timezone.utc)
    assert abs(left - datetime.timedelta(hours=12)) < datetime.timedelta(minutes=1), left
    assert base64.b64decode(data[0]["authorizationToken"]).startswith(b"AWS:")
    address = f"{client.meta.endpoint_url}/v2/{name}/manifests/v1"
    authorization = {"Authorization": "Basic " + data[0]["authorizationToken"]}
    with urllib.request.urlopen(urllib.request.Request(address, headers=authorization), timeout=10) as answer:
        assert answer.headers["Docker-Content-Digest"] == digest == digest_of(answer.read().decode())


def regions_and_accounts_are_apart(client, name):
    china = ecr(client.meta.endpoint_url, region="cn-north-1")
    made = china.create_repository(repositoryName=name)["repository"]
    assert made["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/{name}", made
    assert made["repositoryArn"].startswith("arn:aws-cn:ecr:cn-north-1:"), made
    put(client, name, "v1")
    assert scan(china, name) == set()
    message = refused("RepositoryNotFoundException", client.list_images, repositoryName=name, registryId="444455556666")
    assert message.endswith("in the registry with id '444455556666'"), message


def faults_are_the_errors_that_the_model_names(client, name):
    describe = lambda: client.describe_images(repositoryName=name)
    for kind, code, status in [
        ("throttle", "ThrottlingException", 400),
        ({"serverError": {"status": 500}}, "ServerException", 500),
        ({"serverError": {"status": 503}}, "ServerException", 503),
        ("expiredToken", "ExpiredTokenException", 400),
        ("accessDenied", "AccessDeniedException", 400),
    ]:
        fault(client, kind, repository=name)
        try:
            describe()
        except ClientError as error:
            answer = error.response
            assert answer["Error"]["Code"] == code and answer["ResponseMetadata"]["HTTPStatusCode"] == status, answer
            assert answer["ResponseMetadata"]["RequestId"], answer
        else:
            raise AssertionError(f"{kind}: no error")
        describe()
    patient = ecr(client.meta.endpoint_url, attempts=3)
    for kind in ["throttle", {"serverError": {"status": 502}}, {"cutBody": {"at": 9}}]:
        fault(client, kind, operation="ListImages")
        assert patient.list_images(repositoryName=name)["ResponseMetadata"]["RetryAttempts"] <= 1


def the_unsigned_are_turned_away(client, name):
    unsigned = ecr(client.meta.endpoint_url, signature_version=UNSIGNED)
    refused("MissingAuthenticationTokenException", unsigned.describe_images, repositoryName=name)
    refused("UnknownOperationException", client.get_registry_policy)


# Checks on both servers.


def put_with_digest(client, repository, tag, text):
    # Left to itself, moto makes the digest from the layers' digests and not from the manifest's text.
    return put(client, repository, tag, text, imageDigest=digest_of(text))


def the_same_scan_finds_the_same(standin, moto, name):
    # moto answers with all images at once, whatever page is asked for: the sets are compared, not the pages.
    expected = set()
    for number in range(60):
        tag, text = f"main-{number:03}", manifest(f"image {number % 50}")
        expected.add((tag, digest_of(text)))
        for client in (standin, moto):
            put_with_digest(client, name, tag, text)
    for client in (standin, moto):
        put_with_digest(client, name, None, manifest("no tag"))
        found = scan(client, name, 9)
        assert found == expected, found ^ expected


def the_same_mistakes_get_the_same_answers(standin, moto, name):
    account = lambda client: "123456789012" if client is moto else ACCOUNT
    answers = []
    for client in (standin, moto):
        put_with_digest(client, name, "v1", manifest("one"))
        text = dict(repositoryName=name, imageManifest=manifest("one"), imageTag="v1")
        gone = dict(repositoryName=name, imageIds=[{"imageTag": "gone"}])
        messages = [
            refused("RepositoryAlreadyExistsException", client.create_repository, repositoryName=name),
            refused("RepositoryNotFoundException", client.describe_images, repositoryName="absent"),
            refused("RepositoryNotFoundException", client.list_images, repositoryName="absent"),
            refused("RepositoryNotFoundException", client.describe_repositories, repositoryNames=["absent"]),
            refused("ImageNotFoundException", client.describe_images, **gone),
            refused("ImageAlreadyExistsException", client.put_image, **text),
        ]
        failures = client.batch_get_image(**gone)["failures"] + client.batch_delete_image(**gone)["failures"]
        codes = [failure["failureCode"] for failure in failures]
        answers.append([message.replace(account(client), "ACCOUNT") for message in messages] + codes)
    assert answers[0] == answers[1], [pair for pair in zip(*answers) if pair[0] != pair[1]]


def both_delete_alike(standin, moto, name):
    for client in (standin, moto):
        digest = put_with_digest(client, name, "v1", manifest("one"))
        put_with_digest(client, name, "v2", manifest("one"))
        client.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])
        assert scan(client, name) == {("v2", digest)}
        client.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": digest}])
        assert scan(client, name) == set()


MODEL = [
    repositories_are_made_once_and_described,
    all_pages_of_repositories_hold_each_once,
    malformed_parameters_are_refused,
    a_put_moves_the_tag,
    an_immutable_tag_stays,
    a_put_is_checked_against_digest_and_children,
    listings_hold_each_image_once_whatever_the_page,
    a_missing_image_fails_the_whole_description,
    page_tokens_are_opaque_bound_and_expire,
    images_are_got_or_their_failure_is_named,
    images_are_deleted_by_tag_and_by_digest,
    a_token_opens_the_registry,
    regions_and_accounts_are_apart,
    faults_are_the_errors_that_the_model_names,
    the_unsigned_are_turned_away,
]
BOTH = [the_same_scan_finds_the_same, the_same_mistakes_get_the_same_answers, both_delete_alike]
MODELLED = set()


def main(mode, standin, *others):
    client = ecr(standin)
    MODELLED.update(shape.name for shape in client.meta.service_model.error_shapes)
    checker = Checker(client)
    clients = [client] + [ecr(endpoint) for endpoint in others]
    failed = 0
    for check in {"model": MODEL, "both": BOTH}[mode]:
        name = "check/" + check.__name__.replace("_", "-")
        try:
            for each in clients:
                each.create_repository(repositoryName=name)
            check(*clients, name)
            assert not checker.faults, "\n".join(checker.faults[:20])
            print("ok", check.__name__)
        except Exception:
            failed += 1
            print("FAILED", check.__name__)
            traceback.print_exc(file=sys.stdout)
        checker.faults.clear()
    print(f"{checker.answers} answers of the stand-in held against the model, {failed} checks failed")
    return 1 if failed or not checker.answers else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
