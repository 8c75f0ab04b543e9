export * from './cover';
export * from './mask';
export * from './text';
