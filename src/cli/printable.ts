export { printable } from '../protocol/printable.js';
