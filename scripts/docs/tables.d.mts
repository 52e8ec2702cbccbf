export function tables(load: (path: string) => Promise<unknown>): Promise<Record<string, string>>;
