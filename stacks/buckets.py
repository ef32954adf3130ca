"""A private bucket, as every bucket of the platform is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from cdktf_cdktf_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
)
from cdktf_cdktf_provider_aws.s3_bucket_logging import S3BucketLoggingA
from cdktf_cdktf_provider_aws.s3_bucket_notification import S3BucketNotification
from cdktf_cdktf_provider_aws.s3_bucket_ownership_controls import (
    S3BucketOwnershipControls,
    S3BucketOwnershipControlsRule,
)
from cdktf_cdktf_provider_aws.s3_bucket_policy import S3BucketPolicy
from cdktf_cdktf_provider_aws.s3_bucket_public_access_block import S3BucketPublicAccessBlock
from cdktf_cdktf_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA,
)
from cdktf_cdktf_provider_aws.s3_bucket_versioning import (
    S3BucketVersioningA,
    S3BucketVersioningVersioningConfiguration,
)
from constructs import Construct

from stacks.policies import Statement, policy, tls_only
from stacks.settings import OBJECT_RETENTION_DAYS

if TYPE_CHECKING:
    from stacks.base import PlatformStack

# Parts of an upload that nobody finished are invisible in listings, and paid for.
UNFINISHED_UPLOAD_DAYS = 7


class PrivateBucket(Construct):
    """Versioned, encrypted with the region's key, closed to the public and to plain HTTP; it tells
    EventBridge of every change to an object.

    Nobody listens yet: the events are for whoever is to watch a bucket, and AWS asks for them (S3.11,
    https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-11; checkov's CKV2_AWS_62).
    EventBridge takes AWS's management events for nothing. These are opt-in data events, which its price
    list has apart, by the million: https://aws.amazon.com/eventbridge/pricing/. One is an object that is
    written, deleted or expires: a blotter a day, and each file of S3's access logs.

    Objects expire after `current_days`, or never for None; the versions that were replaced or deleted
    after `noncurrent_days`. `force_destroy` removes all versions and delete markers, so that the layer
    can be torn down.
    """

    def __init__(
        self,
        stack: PlatformStack,
        purpose: str,
        kms_key_arn: str,
        *,
        current_days: int | None = OBJECT_RETENTION_DAYS,
        noncurrent_days: int = OBJECT_RETENTION_DAYS,
    ) -> None:
        super().__init__(stack, purpose)
        name = stack.named_worldwide(purpose)
        self.bucket = S3Bucket(self, "bucket", bucket=name, force_destroy=True, tags={"Name": name})
        self._keep_versions(current_days, noncurrent_days)
        self._encrypt(kms_key_arn)
        self._close_to_public()
        # Who wants to act on an object writes a rule for the account's bus, and touches no bucket:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
        S3BucketNotification(self, "events", bucket=self.bucket.id, eventbridge=True)

    def _keep_versions(self, current_days: int | None, noncurrent_days: int) -> None:
        versioning = S3BucketVersioningA(
            self,
            "versioning",
            bucket=self.bucket.id,
            versioning_configuration=S3BucketVersioningVersioningConfiguration(status="Enabled"),
        )
        # The delete marker of an object that has no versions left hides nothing; days take it along.
        expiration = (
            S3BucketLifecycleConfigurationRuleExpiration(expired_object_delete_marker=True)
            if current_days is None
            else S3BucketLifecycleConfigurationRuleExpiration(days=current_days)
        )
        expiry = S3BucketLifecycleConfigurationRule(
            id="expire",
            status="Enabled",
            filter=[S3BucketLifecycleConfigurationRuleFilter(prefix="")],
            expiration=[expiration],
            noncurrent_version_expiration=[
                S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(
                    noncurrent_days=noncurrent_days
                )
            ],
            abort_incomplete_multipart_upload=[
                S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload(
                    days_after_initiation=UNFINISHED_UPLOAD_DAYS
                )
            ],
        )
        # Rules on noncurrent versions are refused until the bucket has versions.
        S3BucketLifecycleConfiguration(
            self, "lifecycle", bucket=self.bucket.id, rule=[expiry], depends_on=[versioning]
        )

    def _encrypt(self, kms_key_arn: str) -> None:
        by_default = (
            S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA(
                sse_algorithm="aws:kms", kms_master_key_id=kms_key_arn
            )
        )
        S3BucketServerSideEncryptionConfigurationA(
            self,
            "encryption",
            bucket=self.bucket.id,
            rule=[
                S3BucketServerSideEncryptionConfigurationRuleA(
                    apply_server_side_encryption_by_default=by_default, bucket_key_enabled=True
                )
            ],
        )

    def _close_to_public(self) -> None:
        self._public_access_block = S3BucketPublicAccessBlock(
            self,
            "public-access-block",
            bucket=self.bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        S3BucketOwnershipControls(
            self,
            "ownership",
            bucket=self.bucket.id,
            rule=S3BucketOwnershipControlsRule(object_ownership="BucketOwnerEnforced"),
        )

    def allow(self, *statements: Statement) -> S3BucketPolicy:
        """The bucket's policy: these statements, and never plain HTTP."""
        # S3 refuses one of two changes to a bucket's access that arrive together.
        return S3BucketPolicy(
            self,
            "policy",
            bucket=self.bucket.id,
            policy=policy(tls_only("s3:*", self.bucket.arn, f"{self.bucket.arn}/*"), *statements),
            depends_on=[self._public_access_block],
        )

    def record_access(self, stack: PlatformStack, kms_key_arn: str) -> None:
        """Record every request to this bucket in a bucket beside it, the only one of its stack."""
        target = PrivateBucket(stack, "access-logs", kms_key_arn)
        delivery = target.allow(_access_log_delivery(self, target, stack.account_id))
        S3BucketLoggingA(
            self,
            "access-logging",
            bucket=self.bucket.id,
            target_bucket=target.bucket.id,
            target_prefix=f"{self.node.id}/",
            depends_on=[delivery],
        )


def _access_log_delivery(
    source: PrivateBucket, target: PrivateBucket, account_id: str
) -> Statement:
    """S3's log delivery may write the source's access logs into the target.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    return Statement(
        sid="DeliverAccessLogs",
        actions=["s3:PutObject"],
        resources=[f"{target.bucket.arn}/{source.node.id}/*"],
        principals={"Service": "logging.s3.amazonaws.com"},
        conditions={
            "ArnLike": {"aws:SourceArn": source.bucket.arn},
            "StringEquals": {"aws:SourceAccount": account_id},
        },
    )
