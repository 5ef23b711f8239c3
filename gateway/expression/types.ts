/** What is known of a value without a request (CEL's language definition, gradual type checking). */
export type Type = Simple | ListType | MapType;
type Simple = 'dyn' | 'null' | 'bool' | 'int' | 'double' | 'string' | 'timestamp' | 'duration';

interface ListType {
  readonly list: Type;
}

interface MapType {
  readonly map: readonly [key: Type, value: Type];
}

export function listOf(item: Type): ListType {
  return { list: item };
}

export function mapOf(key: Type, value: Type): MapType {
  return { map: [key, value] };
}

/** The form of a type in messages, such as `map<string, int>`. */
export function typeText(type: Type): string {
  if (typeof type === 'string') return type;
  if ('list' in type) return `list<${typeText(type.list)}>`;
  return `map<${type.map.map(typeText).join(', ')}>`;
}

/** Whether a value of one type can be used where the other is expected. */
export function fits(type: Type, expected: Type): boolean {
  if (type === 'dyn' || expected === 'dyn') return true;
  if (typeof type === 'string' || typeof expected === 'string') return type === expected;
  if ('list' in type) return 'list' in expected && fits(type.list, expected.list);
  return 'map' in expected && fits(type.map[0], expected.map[0]) && fits(type.map[1], expected.map[1]);
}

/** Whether two values can be equal: numbers of different types can. */
export function comparable(left: Type, right: Type): boolean {
  if (isNumeric(left) && isNumeric(right)) return true;
  if (typeof left === 'string' || typeof right === 'string') return fits(left, right);
  if ('list' in left) return 'list' in right && comparable(left.list, right.list);
  return 'map' in right && comparable(left.map[0], right.map[0]) && comparable(left.map[1], right.map[1]);
}

/** The type of a value that may have any of several types, such as the items of a list. */
export function joined(types: readonly Type[]): Type {
  const [first = 'dyn', ...others] = types;
  const text = typeText(first);
  return others.every((type) => typeText(type) === text) ? first : 'dyn';
}

export function isNumeric(type: Type): boolean {
  return type === 'int' || type === 'double';
}

/** The types of the parameters, and of the result. */
export type Overload = readonly [parameters: readonly Type[], result: Type];

/** The result's type for arguments of these types; undefined if no overload accepts them. */
export function resultOf(overloads: readonly Overload[], types: readonly Type[]): Type | undefined {
  const taken = overloads.filter(
    ([parameters]) =>
      parameters.length === types.length &&
      parameters.every((expected, at) => fits(types[at] as Type, expected)),
  );
  return taken.length === 0 ? undefined : joined(taken.map(([, result]) => result));
}
