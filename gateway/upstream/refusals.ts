import { refusals } from '../answer/refusal.ts';
import { connectCauses } from './tailnet/tunnel.ts';

export const upstreamRefusals = refusals('upstream', {
  'target-unknown': [502, connectCauses['upstream:target-unknown']],
  'target-offline': [504, connectCauses['upstream:target-offline']],
  'target-denied': [502, connectCauses['upstream:target-denied']],
  'connection-refused': [502, connectCauses['upstream:connection-refused']],
  'connect-timeout': [504, connectCauses['upstream:connect-timeout']],
  'connect-failed': [502, 'The connection to the target was not made'],
  'tunnel-not-ready': [503, 'The tunnel to the private network is not ready'],
  'tls-failed': [502, 'The TLS connection to the target failed'],
  overloaded: [503, 'Too many requests wait for the service'],
  timeout: [504, 'The target did not answer in time'],
  reset: [502, 'The target closed the connection before it answered'],
  'bad-answer': [502, 'The target sent something that is not HTTP'],
  'answer-head-too-large': [502, 'The headers of the answer of the target are too large'],
  'too-many-interim': [502, 'The target sent too many interim answers'],
  'answer-too-large': [502, 'The answer of the target is too large'],
});
