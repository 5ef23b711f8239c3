export interface Secrets {
  /**
   * The bytes of one secret reference such as `env:NAME`, read when a configuration is loaded.
   *
   * @throws Error that names the reference, never the value
   */
  get(reference: string): Promise<Uint8Array>;
}
