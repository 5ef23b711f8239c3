import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/** The store for artifacts between the pipeline's steps, encrypted with one key. */
export interface ArtifactStore {
  readonly bucket: s3.IBucket;
  readonly key: kms.Key;
}

/**
 * Makes the bucket: encrypted with its own key, closed to the public, only over TLS, its accesses logged, and
 * emptied after thirty days. It outlives the stack, because a bucket that is not empty cannot be deleted.
 */
export function makeArtifactStore(scope: Construct): ArtifactStore {
  // Without it the library would open the bucket of logs by an access control list, which new buckets have off.
  scope.node.setContext('@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy', true);
  const key = new kms.Key(scope, 'ArtifactKey', {
    description: "The artifacts of Postern's pipeline",
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.DESTROY,
    pendingWindow: Duration.days(7),
  });
  const common = {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: RemovalPolicy.RETAIN,
  };
  const accessLogs = new s3.Bucket(scope, 'ArtifactAccessLogs', {
    ...common,
    // Access logs cannot be written with a customer's key.
    encryption: s3.BucketEncryption.S3_MANAGED,
    lifecycleRules: [
      { expiration: Duration.days(90), abortIncompleteMultipartUploadAfter: Duration.days(1) },
    ],
  });
  const bucket = new s3.Bucket(scope, 'Artifacts', {
    ...common,
    encryption: s3.BucketEncryption.KMS,
    encryptionKey: key,
    bucketKeyEnabled: true,
    serverAccessLogsBucket: accessLogs as s3.IBucket,
    lifecycleRules: [
      { expiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) },
    ],
  });
  // The library's own types do not distinguish a property that is undefined from one that is not there.
  return { bucket: bucket as s3.IBucket, key };
}

/** Reading the artifacts, and writing them too: only the objects of one bucket, under one key. */
export function artifactStatements(
  { bucket, key }: ArtifactStore,
  access: 'read' | 'write',
): readonly iam.PolicyStatement[] {
  const isWriting = access === 'write';
  return [
    new iam.PolicyStatement({
      actions: [
        's3:GetObject',
        's3:GetObjectVersion',
        ...(isWriting ? ['s3:PutObject', 's3:PutObjectAcl'] : []),
      ],
      resources: [bucket.arnForObjects('*')],
    }),
    new iam.PolicyStatement({
      actions: ['s3:GetBucketAcl', 's3:GetBucketLocation', 's3:GetBucketVersioning'],
      resources: [bucket.bucketArn],
    }),
    new iam.PolicyStatement({
      actions: [
        'kms:Decrypt',
        'kms:DescribeKey',
        ...(isWriting ? ['kms:Encrypt', 'kms:GenerateDataKey'] : []),
      ],
      resources: [key.keyArn],
    }),
  ];
}

/** States why a role names all objects of the bucket. */
export function acknowledgeObjects(role: iam.Role, { bucket }: ArtifactStore): void {
  const logicalId = Stack.of(bucket).getLogicalId(bucket.node.defaultChild as s3.CfnBucket);
  Validations.of(role).acknowledge({
    id: `AwsSolutions-IAM5[Resource::<${Stack.of(bucket).resolve(logicalId)}.Arn>/*]`,
    reason: 'CodePipeline chooses the names of the artifacts; the bucket holds nothing else',
  });
}
