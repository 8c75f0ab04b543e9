export * from './cover';
export * from './mask';
