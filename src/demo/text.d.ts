// Files that are built into the executable as text.
declare module "*.jsonl" {
  const text: string;
  export default text;
}
