export declare const nodeFlags: readonly string[]
export declare const environmentDefaults: Readonly<Record<string, string>>
